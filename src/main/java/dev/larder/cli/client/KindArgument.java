package dev.larder.cli.client;

import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads a {@link Kind} from the command line. */
final class KindArgument implements ITypeConverter<Kind> {

    @Override
    public Kind convert(String text) {
        return Kind.of(text)
                .orElseThrow(() -> new TypeConversionException("'" + text + "' is none of "
                        + Stream.of(Kind.values()).map(Kind::name).collect(Collectors.joining(", "))));
    }
}
