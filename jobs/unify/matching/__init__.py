"""Match scores of records of persons: fields, blocks, comparisons, weights. Independent of the lake and of engines."""
