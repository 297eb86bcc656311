"""What others send to this hub: reports by their software, signed answers, replies by ActivityPub."""
