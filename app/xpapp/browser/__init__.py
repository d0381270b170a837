"""The browser's side of the page: keys, uploads and downloads, the address, the websocket."""
