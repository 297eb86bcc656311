"""The process in which files of others are decoded. It knows nothing of the rest of Seawall, and is told nothing.

It is started by `seawall.detect.media.pool` as a package of its own, in an interpreter of its own: it imports what it needs,
gives up what it can give up (`walls`), and then answers one file after the other (`work`) in a form that the parent distrusts (`wire`).
"""
