package dev.larder.testing;

import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/** Has {@link Leaks} search from before the first test of a JVM until its end. */
public final class LeakListener implements LauncherSessionListener {

    @Override
    public void launcherSessionOpened(LauncherSession session) {
        Leaks.begin();
    }
}
