"""The live screen of `ras-native watch`: a terminal application on Textual.

`model` knows what happened, `view` chooses and orders the rows, `columns`, `bars`, `details` and
`lines` make the text. None of these needs a terminal. `app`, `widgets` and `dialogs` draw on it,
and `screen` connects them with the command. Import `screen` only where a live screen is shown.
"""
