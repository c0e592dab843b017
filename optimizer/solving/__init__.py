"""The best design of one network: the problem is the request, the run explores and concludes."""
