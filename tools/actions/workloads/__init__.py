"""Workloads of Kubernetes: rolled back, restarted, scaled, each as one patch that the cluster itself tries first."""
