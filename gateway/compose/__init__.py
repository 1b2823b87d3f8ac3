"""Screens that are put together from several services: operations of `mizan.gateway.v1`, served in this process."""
