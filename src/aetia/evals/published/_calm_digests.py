"""Which files of CaLM-lite are read here, and what are their SHA-256?"""

__all__ = ["DIGESTS"]

DIGESTS: dict[str, str] = {
    "association/correlation/CORR-B_correlation_CN.json": (
        "70404dba41d88ad132ba2c5aa6c356816e252652a64f6c6e6bf3f878c1103011"
    ),
    "association/correlation/CORR-B_correlation_EN.json": (
        "13c41259a4d57bb2c513ce7f827339e80e7cdf29dac4920fd55856663c0f51a1"
    ),
    "association/explaining_away_effect/EAE-B_exp-away_CN.json": (
        "723a06b83772a93aa4d9a15fe2249f0a90d453a026c766c392ccd5e6601c5626"
    ),
    "association/explaining_away_effect/EAE-B_exp-away_EN.json": (
        "94cd8440dfab3299ff4cd406b0b00925ec5a66e998b16d4cf6d4f04e79862f05"
    ),
    "causal_discovery/abstract_reasoning/AR-B_CaLM-AR_CN.json": (
        "dd9fb36a6f4f3eb4af06f453c60d9ae15350ebdac05aa20f4f8493ca55fb436f"
    ),
    "causal_discovery/abstract_reasoning/AR-B_CaLM-AR_EN.json": (
        "df801b90d592f4bf3a5f058265c4953d0a59224fcb1ea7476ebfadecdfa7593e"
    ),
    "causal_discovery/causal_attribution/CA-B_FA_CN.json": (
        "e918c6bbd14474a42e844676afbe90c9172724840205a1edb5f033c2b5d7fdc9"
    ),
    "causal_discovery/causal_attribution/CA-B_FA_EN.json": (
        "46c09893d87360439e5a839bc1c374218514c86a5cc86a8d92589b7aec6e21f2"
    ),
    "causal_discovery/causal_attribution/CA-B_FP_CN.json": (
        "da4dfcdfc836a41d5d0a3607ca57ff15eb9195f3746f8c0c53a4827a0f62566f"
    ),
    "causal_discovery/causal_attribution/CA-B_FP_EN.json": (
        "aa8e96a661d021ee33f88fd44d39708539fcf66dfc257ed94abecf42c5bb9630"
    ),
    "counterfactual/counterfactual_reasoning/CR-B_det-counterfactual_CN.json": (
        "0f64834b32a2a9425b3eee491c45e2843bfb71826ea58303ae8495bc123bf906"
    ),
    "counterfactual/counterfactual_reasoning/CR-B_det-counterfactual_EN.json": (
        "1b64d9b728a95dee62174c9de4ce910cb2a03521a5a6b18d2d082bc97d3c0615"
    ),
    "intervention/backdoor_adjustment_set/BAS-B_backadj_CN.json": (
        "7f3f7ecf55751fe3b43950340217e0eb5598b2e1473967c5c288edef88e40a77"
    ),
    "intervention/backdoor_adjustment_set/BAS-B_backadj_EN.json": (
        "bc627f8672d104fb3b1543bbdcb0d6e2eb7b4b473ff92ca4f409f06d6c9f6e6e"
    ),
    "intervention/backdoor_adjustment_set/BAS-C_max-BAS_CN.json": (
        "49b878710816c59663ec2dedc1590d7a9c602cb2892de4f7c374d9b1e44b5a12"
    ),
    "intervention/backdoor_adjustment_set/BAS-C_max-BAS_EN.json": (
        "c9ce7cb3852ca1c90cb6e72e4f2bf068fc8557bd73083bf516140ac3fd1d0845"
    ),
    "intervention/backdoor_adjustment_set/BAS-C_min-BAS_CN.json": (
        "c2a8b7d5cfd2c2fdc3bdb376c327e20e82f4f39c76c59190209223756caaf885"
    ),
    "intervention/backdoor_adjustment_set/BAS-C_min-BAS_EN.json": (
        "3a933681685e70fa0bd86dc2e5f647a1107b7e4afa7b00c3fc3369bebe071ea8"
    ),
    "intervention/backdoor_adjustment_set/BAS-C_mix-BAS_CN.json": (
        "487ba0c8a3cad38cc99dd289fb8de9ec2ae8f886d7884dadf285cd49aa2a02e9"
    ),
    "intervention/backdoor_adjustment_set/BAS-C_mix-BAS_EN.json": (
        "776368f6b588d9ac632e5fbfb3efc2523c54b723613471657a0c6574a5469ca1"
    ),
    "intervention/causal_effect_identification/CEI-B_0.2-UC_CN.json": (
        "bc0ed879cf355f4015da6725b53d3571daedb362c4f4808ae228ab106c77d36e"
    ),
    "intervention/causal_effect_identification/CEI-B_0.2-UC_EN.json": (
        "651806b4d394d165f2f0d408fefbf10887314a63ff06d17cc3becd7f49ff2c39"
    ),
    "intervention/causal_effect_identification/CEI-B_0.4-UC_CN.json": (
        "9e6986a4e20d3ab0aaec1ff039daef3776c48e6f626ef1d3be291fe96549b8e5"
    ),
    "intervention/causal_effect_identification/CEI-B_0.4-UC_EN.json": (
        "67fc85876c44cd056a16c92304ada8078752a1031414114b3b55a456ce036a11"
    ),
    "intervention/causal_effect_identification/CEI-B_0.6-UC_CN.json": (
        "071253dbc7d8daa3dc24a7093de76c481aea1a234e9aa0daaae9bf4df41218df"
    ),
    "intervention/causal_effect_identification/CEI-B_0.6-UC_EN.json": (
        "64583d05b23b44ee2886ca93b7485f9bada724e3f15c959198fa87c5c58e4cae"
    ),
    "intervention/causal_effect_identification/CEI-B_0.8-UC_CN.json": (
        "4c8250815ddd304ba9370f8014c21a063c7503a6c9f4f093788425e08864b8aa"
    ),
    "intervention/causal_effect_identification/CEI-B_0.8-UC_EN.json": (
        "8710135e17515ba557ca055c25bb4d74fcca0a62c22d4073b77ea1a0065a2bbf"
    ),
    "intervention/collider_bias/CB-B_collider-bias_CN.json": (
        "365c6235f9e6dbec258b07450488477c117c89e9d7e4f514bebccb635b4065ff"
    ),
    "intervention/collider_bias/CB-B_collider-bias_EN.json": (
        "9d17c32c0ca9005deaa2e294bdcaafb1e89ae8ee5e3489d6ffc15e540860dea2"
    ),
    "intervention/frontdoor_adjustment_set/FAS-C_FAS_CN.json": (
        "a1aa61c22e4547d396b4119141326926197613196ebc1e8e57faf2b895b7eec4"
    ),
    "intervention/frontdoor_adjustment_set/FAS-C_FAS_EN.json": (
        "2bbbd6b79831dfb159ac1fcb6c53e86871cd9761b19f29587e67dff46b6ce392"
    ),
    "intervention/instrumental_variable/IV-C_CaLM-IV_CN.json": (
        "fcad30c7728a0587c69851c8d4d5eda232b5265e4767cb5a4f47a95fe3aaa031"
    ),
    "intervention/instrumental_variable/IV-C_CaLM-IV_EN.json": (
        "248fbe3325f0e3cd42ac0bd745a386b93f738afb43753e1d39f820331f621eec"
    ),
}
"""By the path in the folder, at commit 1c1e93a of OpenCausaLab/CaLM."""
