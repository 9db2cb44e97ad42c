package dev.larder.cli.client;

import java.net.URI;

/** The address of a server as a user writes it. */
final class Addresses {

    private Addresses() {}

    /** @param from the option or variable that gave the address, for the refusal */
    static URI of(String address, String from) {
        try {
            return checked(URI.create(address), from);
        } catch (IllegalArgumentException malformed) {
            throw refused(address, from);
        }
    }

    static URI checked(URI address, String from) {
        String scheme = String.valueOf(address.getScheme());
        if (!(scheme.equals("http") || scheme.equals("https"))
                || address.getHost() == null
                || address.getRawUserInfo() != null
                || address.getRawQuery() != null
                || address.getRawFragment() != null) {
            throw refused(address.toString(), from);
        }
        return address;
    }

    private static Failure refused(String address, String from) {
        return Failure.of(ExitCode.USAGE, from + " must be like https://larder.example.org, not '" + address + "'");
    }
}
