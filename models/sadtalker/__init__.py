"""SadTalker and the face-vid2vid networks it renders with; `README.md` is the method card."""
