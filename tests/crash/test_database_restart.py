"""F23: PostgreSQL dies under load with everything running as processes of their own."""




CLIENTS = 6
