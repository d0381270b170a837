"""Between the server and the window: keys, files up and down, the address, the websocket."""
