package dev.larder.objects;

/** An object with its body, which is the caller's. */
public record StoredObject(ObjectInfo info, byte[] body) {}
