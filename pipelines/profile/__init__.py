"""`python -m pipelines.profile`: what can a loader give, what holds it back, and does it keep the GPU full?"""
