"""The care domain in pure Python: alarms, dialogue, records. Imports nothing of ours."""
