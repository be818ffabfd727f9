"""The main job from end to end: pairs in; a model, its mined negatives, its metrics and a report out."""
