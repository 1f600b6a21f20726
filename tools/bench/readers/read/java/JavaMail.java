import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.Properties;
import javax.mail.Message;
import javax.mail.Multipart;
import javax.mail.Part;
import javax.mail.Session;
import javax.mail.internet.MimeMessage;

final class JavaMail {
    private static final Session session = Session.getInstance(new Properties());

    static boolean opens(byte[] raw) {
        try {
            return opens(new MimeMessage(session, new ByteArrayInputStream(raw)), 0);
        } catch (Throwable nothing) {
            return false;
        }
    }

    private static boolean opens(Part part, int depth) {
        if (depth > Serve.DEPTH_MAX) return false;
        try {
            Object content = part.getContent();
            if (content instanceof Multipart parts) {
                for (int at = 0; at < parts.getCount(); at++) {
                    if (opens(parts.getBodyPart(at), depth + 1)) return true;
                }
                return false;
            }
            if (content instanceof Message message && opens(message, depth + 1)) return true;
        } catch (Exception asBytes) {
            // Its bytes can be saved all the same.
        }
        try (InputStream stream = part.getInputStream()) {
            return Serve.holds(stream);
        } catch (Exception none) {
            return false;
        }
    }
}
