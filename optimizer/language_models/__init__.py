"""Language models and other transformers as networks, from the configuration that is published with their weights."""
