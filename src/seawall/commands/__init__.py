"""The commands of `seawall`, one file each."""
