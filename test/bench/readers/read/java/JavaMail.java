// Reader: JavaMail.
// Input: messages, each behind its length in four bytes. Output: for each a byte, 1 where it
// opens a file: SIGNS (readers.ts) says by what one knows.
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import javax.mail.Message;
import javax.mail.Multipart;
import javax.mail.Part;
import javax.mail.Session;
import javax.mail.internet.MimeMessage;

public class JavaMail {
    private record Sign(boolean whole, String bytes) {}

    private static final List<Sign> signs = new ArrayList<>();

    public static void main(String[] words) throws Exception {
        for (String line : Files.readAllLines(Path.of(System.getenv("SIGNS")))) {
            String[] parts = line.split(" ");
            signs.add(new Sign(parts[0].equals("is"), latin1(fromHex(parts[1]))));
        }
        Session session = Session.getInstance(new Properties());
        DataInputStream in = new DataInputStream(System.in);
        PrintStream out = System.out;
        System.setOut(System.err);
        while (true) {
            byte[] raw;
            try {
                raw = in.readNBytes(in.readInt());
            } catch (EOFException end) {
                return;
            }
            boolean found = false;
            try {
                found = opens(new MimeMessage(session, new ByteArrayInputStream(raw)), 0);
            } catch (Throwable nothing) {
                // It opens nothing then.
            }
            out.write(found ? 1 : 0);
            out.flush();
        }
    }

    private static boolean opens(Part part, int depth) {
        if (depth > 50) return false;
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
            return holds(latin1(readUpToError(stream)));
        } catch (Exception none) {
            return false;
        }
    }

    private static byte[] readUpToError(InputStream stream) {
        var content = new java.io.ByteArrayOutputStream();
        byte[] chunk = new byte[8192];
        try {
            for (int read; (read = stream.read(chunk)) > 0; ) content.write(chunk, 0, read);
        } catch (Exception cut) {
            // What came before it was opened.
        }
        return content.toByteArray();
    }

    private static boolean holds(String file) {
        for (Sign sign : signs) {
            if (sign.whole() ? file.equals(sign.bytes()) : file.contains(sign.bytes())) return true;
        }
        return false;
    }

    private static String latin1(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static byte[] fromHex(String digits) {
        return java.util.HexFormat.of().parseHex(digits);
    }
}
