package dev.larder.state;

import java.util.Map;

/** An answer to Terraform's http client that is no problem. */
record TerraformAnswer(int status, Map<String, String> headers, byte[] body) {}
