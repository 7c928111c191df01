print("barman")
