"""Results of layers and tasks, kept between runs."""
