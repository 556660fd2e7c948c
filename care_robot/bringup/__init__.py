"""Starting and watching the system: launcher, lifecycle manager, doctor."""
