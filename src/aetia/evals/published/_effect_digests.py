"""Which files of CaLM-lite about effects are read, and what are their SHA-256?"""

__all__ = ["DIGESTS"]

DIGESTS: dict[str, str] = {
    "counterfactual/effect_of_the_treatment_on_the_treated/ETT-B_ETT-natural_CN.json": (
        "2c44954c307c011b4f2a37b2653ccf07c4546e30f223bcf9cfba6c224ddf6753"
    ),
    "counterfactual/effect_of_the_treatment_on_the_treated/ETT-B_ETT-natural_EN.json": (
        "5c6a8cba2557d18e23af67269a8eda1dcd449f5b4b67353bda62f8e1ecfa0a78"
    ),
    "counterfactual/effect_of_the_treatment_on_the_treated/ETT-P_ETT-basic_CN.json": (
        "7e2f9e9a0e759d911637373f8dceebc91a0f74acdec0aad9c8d8e0946411d574"
    ),
    "counterfactual/effect_of_the_treatment_on_the_treated/ETT-P_ETT-basic_EN.json": (
        "d5c52555a2b397a67a52ad0a6962e033ae199fbc694a56388c5d6bc6f130f43f"
    ),
    "counterfactual/effect_of_the_treatment_on_the_treated/ETT-P_ETT-hard_CN.json": (
        "57651bccce7818639ccbeca7e45f83b16a723ad8c0e1433db0d1b8a6e4712ffb"
    ),
    "counterfactual/effect_of_the_treatment_on_the_treated/ETT-P_ETT-hard_EN.json": (
        "4ba56eb526e491f268b923b6c7ff1eb00df49db9056bf3168047fa43198c962d"
    ),
    "counterfactual/natural_direct_effect/NDE-B_NDE-natural_CN.json": (
        "9d80f2f2f5c57b06284662cb34d11f98c48e32d0d89feb1c05d07fcfd28f7597"
    ),
    "counterfactual/natural_direct_effect/NDE-B_NDE-natural_EN.json": (
        "df511dbfb0175636ced27e353d7ee01c5958cbe688eaa26d48a6836713fb3a78"
    ),
    "counterfactual/natural_direct_effect/NDE-P_NDE-basic_CN.json": (
        "abf463e433f459debde8d23d0bf19531ad22719e7646175194e4fa67eb27a322"
    ),
    "counterfactual/natural_direct_effect/NDE-P_NDE-basic_EN.json": (
        "90330858c6bd796a4e450623d5ba2d8f91befc9372cbd584731189dec34ca783"
    ),
    "counterfactual/natural_direct_effect/NDE-P_NDE-hard_CN.json": (
        "07038f4b552221698eef8955c08a5e7f7384bb3a17f15b07d663c760a910f42c"
    ),
    "counterfactual/natural_direct_effect/NDE-P_NDE-hard_EN.json": (
        "a37020abe0d2fe0b2c456198c6b8247cce7d11b3c19a04c8e826a5a4f6a134c5"
    ),
    "counterfactual/natural_indirect_effect/NIE-B_NIE-natural_CN.json": (
        "84af103fc2c73a880d8acf9cf664e0b0ec79054362aea5c4f9af8e77b634c3e2"
    ),
    "counterfactual/natural_indirect_effect/NIE-B_NIE-natural_EN.json": (
        "30b12a6d2e330a7800298d655d669cbd3f786b708495faf4613bac2367e168dd"
    ),
    "counterfactual/natural_indirect_effect/NIE-P_NIE-basic_CN.json": (
        "b18e926a925d3ba28a24f7e1f7a17a8a8dd26e91af54b2d33143cccb2d1c756f"
    ),
    "counterfactual/natural_indirect_effect/NIE-P_NIE-basic_EN.json": (
        "25947971947ccca8e3e2dafb07c2a8be18ce33cee5fe39316aa12bec815528b1"
    ),
    "counterfactual/natural_indirect_effect/NIE-P_NIE-hard_CN.json": (
        "90f9b474292e9efc8c6eaf5dde22ef25eb269fbcd7f336f87a895e3e6df96cb0"
    ),
    "counterfactual/natural_indirect_effect/NIE-P_NIE-hard_EN.json": (
        "22a7ea90fcdcc94ef16ab963581661664ec2403a0e6d30fc330390001b6a5fb9"
    ),
    "counterfactual/probability_of_necessity/PN-P_PN-basic_CN.json": (
        "f79c88198730f87cc8a74fcb83ee6d79bda1207974c18aec11b4410115434227"
    ),
    "counterfactual/probability_of_necessity/PN-P_PN-basic_EN.json": (
        "16dd15a04418a3651b1030719684df827dfee614eba57bc9ef7e8b4328997279"
    ),
    "counterfactual/probability_of_necessity/PN-P_PN-hard_CN.json": (
        "1aa8aa77972ff82e12397aa440ece464e42017f8a903669be7bf467cf48cc7d8"
    ),
    "counterfactual/probability_of_necessity/PN-P_PN-hard_EN.json": (
        "2e8c410fca71c8009a88c10e0ba297bb9b941a3a3a28f58489a03f238818e648"
    ),
    "counterfactual/probability_of_sufficiency/PS-P_PS-basic_CN.json": (
        "df91071337f3ff98505302d50888fa14a484ad16b489d8a725a2e81958864133"
    ),
    "counterfactual/probability_of_sufficiency/PS-P_PS-basic_EN.json": (
        "bc5bad46efed2e2c2138e4d31b28507ddf52544de1a70a363f6e351d9dcbda2d"
    ),
    "counterfactual/probability_of_sufficiency/PS-P_PS-hard_CN.json": (
        "b279b895f56df27fd41b3644760d1b2abb938ad8c26563957643caf493d8070b"
    ),
    "counterfactual/probability_of_sufficiency/PS-P_PS-hard_EN.json": (
        "72f1a9b1de1c80d7aac142d25af7a7681217a48a3debf80daab9b8a6adc30f01"
    ),
    "intervention/average_treatment_effect/ATE-B_ATE-natural_CN.json": (
        "b0e17ae3afb2f8ac99de9fd35761eadcfaecf6b30b66cac016889a47d91a37b8"
    ),
    "intervention/average_treatment_effect/ATE-B_ATE-natural_EN.json": (
        "70809205b956dcd38895e37df2d079ce71057c0569f4b507410093e3fc6947f1"
    ),
    "intervention/average_treatment_effect/ATE-P_ATE-basic_CN.json": (
        "db6ebcc787e114e4fcd67050b76d9e2402c98c1896b478c2b91e634887e246ab"
    ),
    "intervention/average_treatment_effect/ATE-P_ATE-basic_EN.json": (
        "2d7d6c3aafa6077ee0caf4f1e3bc2ec811128fd1f43febda9db7cd80d4a357fc"
    ),
    "intervention/average_treatment_effect/ATE-P_ATE-hard_CN.json": (
        "4a909be4247907ad9c2cf971aa3b177a82dc6a72818d69b2cdd361e2a2288b3d"
    ),
    "intervention/average_treatment_effect/ATE-P_ATE-hard_EN.json": (
        "58ab3358691af6adf970c82b23a0f4309ef34f73758b4e08b707ee8c366bfba1"
    ),
    "intervention/controlled_direct_effect/CDE-B_CDE-natural_CN.json": (
        "a2c41aa580e99495ae03516d513bc58cabeab24157d66ba2b92ca27e08c43fe8"
    ),
    "intervention/controlled_direct_effect/CDE-B_CDE-natural_EN.json": (
        "e0aabc98fc6022a7eb79d1044492cec7d5c21376242496ffedb9375fdab22dba"
    ),
    "intervention/controlled_direct_effect/CDE-P_CDE-basic_CN.json": (
        "a24982e24f1d6229581ef20fcbbbeb8abd60a365506290063640803803540e79"
    ),
    "intervention/controlled_direct_effect/CDE-P_CDE-basic_EN.json": (
        "ba979563be6f77a8d3f2e336bb0dd74f1567dd9843c344a0c9065b62a73a9b88"
    ),
    "intervention/controlled_direct_effect/CDE-P_CDE-hard_CN.json": (
        "16c42cb94e1b3b5d303d66eb740b412f2eed7e9bdbb3c492786417b0a4a8ae4b"
    ),
    "intervention/controlled_direct_effect/CDE-P_CDE-hard_EN.json": (
        "388b13595c9c95a9bdf973d96d52baf660ab1fd4ee0a306d6f97cabaeefc5dfe"
    ),
}
