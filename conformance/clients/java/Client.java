import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Socket;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Clients of socket.io-client-java, of 1.0 or 2.1, that do what lines of JSON say: see languages.js. */
public class Client {
  private static final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  private static final Map<Integer, Socket> sockets = new HashMap<>();

  public static void main(String[] args) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    say(Map.of());
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      var what = new JSONObject(line);
      int number = what.getInt("socket");
      switch (what.getString("do")) {
        case "connect" -> connect(number, what);
        case "emit" -> sockets.get(number).emit(what.getString("name"), values(what));
        case "ask" -> {
          int id = what.getInt("id");
          sockets.get(number).emit(what.getString("name"), values(what), (Ack) answer ->
              say(Map.of("socket", number, "answer", id, "args", Arrays.stream(answer).map(Client::pack).toList())));
        }
        case "leave" -> sockets.get(number).disconnect();
        default -> throw new IllegalArgumentException(line);
      }
    }
    System.exit(0); // the client has threads of its own
  }

  private static void connect(int number, JSONObject what) throws Exception {
    var options = new IO.Options();
    options.forceNew = true;
    options.reconnectionDelay = 50;
    options.reconnectionDelayMax = 250;
    options.transports = strings(what.getJSONArray("transports"));
    authorize(options, what.optJSONObject("auth"));
    Socket socket = IO.socket(what.getString("url") + what.getString("namespace"), options);
    sockets.put(number, socket);
    listen(socket, number, Socket.EVENT_CONNECT, "connect");
    listen(socket, number, Socket.EVENT_DISCONNECT, "disconnect");
    listen(socket, number, "connect_error", "refused"); // of 2.1
    listen(socket, number, "error", "refused"); // of 1.0
    for (String name : strings(what.getJSONArray("events"))) listen(socket, number, name, name);
    socket.connect();
  }

  /** Sets the payload for the server. Version 1.0 has none and puts it into the query, as the others of Socket.IO 2. */
  private static void authorize(IO.Options options, JSONObject auth) throws Exception {
    if (auth == null) return;
    var payload = new HashMap<String, String>();
    var query = new ArrayList<String>();
    for (Iterator<?> names = auth.keys(); names.hasNext(); ) {
      var name = (String) names.next();
      payload.put(name, auth.getString(name));
      query.add(name + "=" + URLEncoder.encode(auth.getString(name), StandardCharsets.UTF_8));
    }
    try {
      IO.Options.class.getField("auth").set(options, payload);
    } catch (NoSuchFieldException e) {
      options.query = String.join("&", query);
    }
  }

  /** Reports an event of a socket. What the server asks is answered with the same values. */
  private static void listen(Socket socket, int number, String event, String name) {
    socket.on(event, args -> {
      var values = new ArrayList<Object>(Arrays.asList(args));
      Ack ack = null;
      if (!values.isEmpty() && values.get(values.size() - 1) instanceof Ack last) {
        ack = last;
        values.remove(values.size() - 1);
      }
      say(Map.of("socket", number, "name", name, "args", values.stream().map(Client::pack).toList()));
      if (ack != null) {
        values.add(0, "answered");
        ack.call(values.toArray());
      }
    });
  }

  private static void say(Map<String, Object> line) {
    out.println(new JSONObject(line));
  }

  private static String[] strings(JSONArray list) throws JSONException {
    var all = new String[list.length()];
    for (int i = 0; i < all.length; i++) all[i] = list.getString(i);
    return all;
  }

  /** The arguments of an event, with bytes in place of {"$bytes": "base64"}. */
  private static Object[] values(JSONObject what) throws JSONException {
    JSONArray list = what.getJSONArray("args");
    var all = new Object[list.length()];
    for (int i = 0; i < all.length; i++) all[i] = unpack(list.get(i));
    return all;
  }

  private static Object unpack(Object value) throws JSONException {
    if (value instanceof JSONArray list) {
      for (int i = 0; i < list.length(); i++) list.put(i, unpack(list.get(i)));
    } else if (value instanceof JSONObject object) {
      if (object.has("$bytes")) return Base64.getDecoder().decode(object.getString("$bytes"));
      for (String name : names(object)) object.put(name, unpack(object.get(name)));
    }
    return value;
  }

  /** What unpack undoes, in a copy. */
  private static Object pack(Object value) {
    if (value == null) return JSONObject.NULL;
    if (value instanceof Exception e) return e.toString();
    if (value instanceof byte[] data) return Map.of("$bytes", Base64.getEncoder().encodeToString(data));
    if (value instanceof JSONArray list) {
      var all = new ArrayList<>();
      for (int i = 0; i < list.length(); i++) all.add(pack(list.opt(i)));
      return all;
    }
    if (value instanceof JSONObject object) {
      var all = new HashMap<String, Object>();
      for (String name : names(object)) all.put(name, pack(object.opt(name)));
      return all;
    }
    return value;
  }

  private static List<String> names(JSONObject object) {
    var names = new ArrayList<String>();
    for (Iterator<?> all = object.keys(); all.hasNext(); ) names.add((String) all.next());
    return names;
  }
}
