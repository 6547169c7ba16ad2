"""The tests mirror the tree of the package; tests.fakes and tests.bench are shared by them."""
