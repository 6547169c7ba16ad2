"""The OpenAI Realtime protocol, pure: no sockets, no clock."""
