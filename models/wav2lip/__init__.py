"""Wav2Lip, its lip-sync expert and its judge of pictures; `README.md` says what they are for here."""
