"""What losses are made of: the gathering, masking, chunking and counting that several of them share."""
