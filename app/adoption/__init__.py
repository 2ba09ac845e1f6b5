"""Takes over the database of another system: `flask --app app adopt`.

source.py reads it, files.py looks at what it left on disk, adopt.py brings it over, cli.py is the command.
What becomes of each row is decided by the functions plan_adopted_… in the database.
"""
