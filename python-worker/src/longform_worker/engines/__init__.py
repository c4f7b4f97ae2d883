"""Engines: programs that do one job and end. They never import grpc, protobuf or zmq."""
