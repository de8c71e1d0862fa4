"""The REST API under /api/v1/: checks what came, calls one function, says what happened."""
