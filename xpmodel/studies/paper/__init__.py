"""The paper, item by item: what makes each figure, table and claim again, and what it gives."""
