"""What the runtimes share that keep one folder for each container of an OCI bundle: runc, crun, youki."""
