// Readers: JavaMail, and mime4j, of K-9 Mail and Apache James.
// Input: messages, each behind its length in four bytes. Output: for each a byte, a bit a
// reader, set where it opens a file: SIGNS (readers.ts) has the signs of it.
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

public class Serve {
    private record Sign(boolean whole, String bytes) {}

    /** Messages in messages are read so deep. */
    static final int DEPTH_MAX = 50;

    private static final List<Sign> signs = new ArrayList<>();

    public static void main(String[] words) throws Exception {
        for (String line : Files.readAllLines(Path.of(System.getenv("SIGNS")))) {
            String[] parts = line.split(" ");
            signs.add(new Sign(parts[0].equals("is"), latin1(fromHex(parts[1]))));
        }
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
            out.write((JavaMail.opens(raw) ? 1 : 0) | (Mime4j.opens(raw) ? 2 : 0));
            out.flush();
        }
    }

    /** Whether what is in the stream, up to an error, is one of the files, or has it in it. */
    static boolean holds(InputStream stream) {
        String file = latin1(readUpToError(stream));
        for (Sign sign : signs) {
            if (sign.whole() ? file.equals(sign.bytes()) : file.contains(sign.bytes())) return true;
        }
        return false;
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

    private static String latin1(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static byte[] fromHex(String digits) {
        return java.util.HexFormat.of().parseHex(digits);
    }
}
