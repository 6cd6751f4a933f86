"""How far can each instrument be trusted? Measured on systems whose causes are known, or that have none."""
