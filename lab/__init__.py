"""A lab that makes genuine bounces: real mail servers on loopback against a remote that refuses as the large ones do."""
