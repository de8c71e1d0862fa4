"""The fault programme, `make chaos`: kill, freeze and mislead the engine, count the losses."""
