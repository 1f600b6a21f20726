import java.io.ByteArrayInputStream;
import java.io.InputStream;
import org.apache.james.mime4j.parser.AbstractContentHandler;
import org.apache.james.mime4j.parser.MimeStreamParser;
import org.apache.james.mime4j.stream.BodyDescriptor;
import org.apache.james.mime4j.stream.MimeConfig;

final class Mime4j {
    /** As K-9 Mail sets it: without limits. */
    private static final MimeConfig config = new MimeConfig.Builder()
            .setMaxLineLen(-1).setMaxHeaderLen(-1).setMaxHeaderCount(-1).build();

    private static final class Bodies extends AbstractContentHandler {
        private boolean found;

        @Override
        public void body(BodyDescriptor about, InputStream content) {
            if (Serve.holds(content)) found = true;
        }
    }

    static boolean opens(byte[] raw) {
        Bodies bodies = new Bodies();
        MimeStreamParser parser = new MimeStreamParser(config);
        parser.setContentDecoding(true);
        parser.setContentHandler(bodies);
        try {
            parser.parse(new ByteArrayInputStream(raw));
        } catch (Throwable cut) {
            // What came before it was opened.
        }
        return bodies.found;
    }
}
