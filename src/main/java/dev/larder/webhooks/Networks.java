package dev.larder.webhooks;

import dev.larder.model.MisconfiguredException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which addresses receivers may have: public ones, and those of the networks that the operator allows. The rule is for
 * the address that is connected to, not for the name that it was found under.
 */
final class Networks {

    private static final int IPV4_BYTES = 4;
    private static final int IPV6_BYTES = 16;

    /** The special-purpose networks of IANA's registry that are not global, multicast, and metadata of clouds. */
    private static final List<Network> NOT_PUBLIC = Stream.of(
                    "0.0.0.0/8",
                    "10.0.0.0/8",
                    "100.64.0.0/10",
                    "127.0.0.0/8",
                    "169.254.0.0/16",
                    "172.16.0.0/12",
                    "192.0.0.0/24",
                    "192.0.2.0/24",
                    "192.88.99.0/24",
                    "192.168.0.0/16",
                    "198.18.0.0/15",
                    "198.51.100.0/24",
                    "203.0.113.0/24",
                    "224.0.0.0/4",
                    "240.0.0.0/4",
                    // The metadata of Azure's hosts has a public address.
                    "168.63.129.16/32",
                    "2001::/23",
                    "2001:db8::/32",
                    "2002::/16",
                    "3fff::/20")
            .map(Network::of)
            .toList();

    /** Global unicast. Everything else in IPv6 is local, multicast or not assigned. */
    private static final Network GLOBAL = Network.of("2000::/3");

    /** IPv6 addresses that stand for an IPv4 address, which is their last four bytes. */
    private static final List<Network> OF_IPV4 =
            Stream.of("::ffff:0:0/96", "64:ff9b::/96").map(Network::of).toList();

    private final List<Network> allowed;

    /**
     * Fails with {@link MisconfiguredException} where one is malformed.
     *
     * @param allowed networks that may be called although they are not public: {@code 10.1.0.0/16}, {@code ::1/128}
     */
    Networks(List<String> allowed) {
        this.allowed = allowed.stream().map(Network::of).toList();
    }

    boolean allows(InetAddress address) {
        byte[] bytes = effective(address.getAddress());
        boolean isPublic = (bytes.length == IPV4_BYTES || GLOBAL.contains(bytes))
                && NOT_PUBLIC.stream().noneMatch(network -> network.contains(bytes));
        return isPublic || allowed.stream().anyMatch(network -> network.contains(bytes));
    }

    /** Whether a name of this host may be called. */
    boolean allowsLoopback() {
        return allows(InetAddress.getLoopbackAddress());
    }

    private static byte[] effective(byte[] bytes) {
        return OF_IPV4.stream().anyMatch(network -> network.contains(bytes))
                ? Arrays.copyOfRange(bytes, IPV6_BYTES - IPV4_BYTES, IPV6_BYTES)
                : bytes;
    }

    /** @param bits how many leading bits of an address are those of the network */
    private record Network(byte[] bytes, int bits) {

        private static final Pattern NOTATION =
                Pattern.compile("([0-9]{1,3}(?:\\.[0-9]{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F.:]*)/([0-9]{1,3})");

        static Network of(String text) {
            var parts = NOTATION.matcher(text.strip());
            if (parts.matches()) {
                try {
                    byte[] bytes = bytes(parts.group(1));
                    int bits = Integer.parseInt(parts.group(2));
                    if (bits <= bytes.length * Byte.SIZE) {
                        return new Network(bytes, bits);
                    }
                } catch (UnknownHostException | IllegalArgumentException notAnAddress) {
                    // The exception below says it.
                }
            }
            throw new MisconfiguredException(
                    "larder.webhooks.allowed-networks must be networks such as 10.1.0.0/16 or fd00::/8, not " + text);
        }

        /** The JDK makes an IPv4 address of a mapped one. */
        private static byte[] bytes(String literal) throws UnknownHostException {
            InetAddress address = InetAddress.getByName(literal);
            if (address instanceof Inet4Address && literal.contains(":")) {
                byte[] mapped = new byte[IPV6_BYTES];
                mapped[10] = (byte) 0xFF;
                mapped[11] = (byte) 0xFF;
                System.arraycopy(address.getAddress(), 0, mapped, IPV6_BYTES - IPV4_BYTES, IPV4_BYTES);
                return mapped;
            }
            return address.getAddress();
        }

        boolean contains(byte[] address) {
            if (address.length != bytes.length) {
                return false;
            }
            for (int bit = 0; bit < bits; bit++) {
                int mask = 0x80 >> (bit % Byte.SIZE);
                if (((address[bit / Byte.SIZE] ^ bytes[bit / Byte.SIZE]) & mask) != 0) {
                    return false;
                }
            }
            return true;
        }
    }
}
