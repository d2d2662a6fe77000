"""`python -m pipelines.doctor`: can this installation and this host carry a long run?"""
