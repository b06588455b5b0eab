"""Methods against each other: by their scores, by strips of pictures, and by eye without names."""
