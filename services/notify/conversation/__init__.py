"""The conversations that people have with the platform over WhatsApp.

`dialogue` decides what follows a message, by the state in which the conversation stands; `desk` does in the person's
name what follows from it in other services; `worker` takes the messages of one phone in their order and keeps where it
stands. Everything that is done elsewhere carries a key made of the message, so that a message that is worked on twice
acts once.
"""
