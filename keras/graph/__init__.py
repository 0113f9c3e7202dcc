"""The graph: symbolic tensors, primitive operations and programs. Knows no layer and no runtime."""
