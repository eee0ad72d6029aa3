import org.codelibs.opensearch.runner.OpenSearchRunner;

/**
 * One OpenSearch node on 127.0.0.1: arguments are the folder of its data and its HTTP port. Ends when its input ends.
 *
 * <p>The runner's own main class takes no port above 9299, binds as it likes and is silent about why it fails.
 */
public final class Node {
    private Node() {}

    public static void main(String[] arguments) throws Exception {
        String folder = arguments[0];
        String port = arguments[1];
        OpenSearchRunner runner = new OpenSearchRunner();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                runner.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        runner.onBuild((number, settings) -> {
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", port);
            settings.put("transport.port", "0");
            settings.put("discovery.type", "single-node");
        });
        runner.build(OpenSearchRunner.newConfigs().basePath(folder).clusterName("pcause").numOfNode(1).useLogger());
        while (System.in.read() >= 0) {
            // What is said to it does not matter, only that somebody is still there.
        }
        System.exit(0);
    }
}
