"""The shop's source tree: the lab copies it, commits to the copy and deploys its services from there."""
