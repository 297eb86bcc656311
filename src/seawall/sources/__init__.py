"""Where posts come from: one file an adapter, all of them giving the same `Post` and `BadLine`."""

from seawall.sources.base import Source
from seawall.sources.files import FileError, FileSource, check_file, read_posts
from seawall.sources.posts import BadLine, Post

__all__ = ["BadLine", "FileError", "FileSource", "Post", "Source", "check_file", "read_posts"]
