"""Speed side by side with named peers; run by hand, never by the tests."""
