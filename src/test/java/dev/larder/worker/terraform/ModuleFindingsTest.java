package dev.larder.worker.terraform;

import static org.assertj.core.api.Assertions.assertThat;

import dev.larder.model.Findings;
import dev.larder.model.Findings.Change;
import dev.larder.model.JsonText;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a saved plan says of drift and of changes, as Terraform 1.11 prints it. */
class ModuleFindingsTest {

    private static final String PLAN = """
            {"format_version": "1.2", "terraform_version": "1.11.4",
             "resource_drift": [
              {"address": "aws_s3_bucket.data", "mode": "managed", "type": "aws_s3_bucket", "name": "data",
               "change": {"actions": ["update"],
                "before": {"bucket": "b", "tags": {"team": "one"}, "rule": [{"days": 1}], "acl": null, "same": {"x": 1}},
                "after": {"bucket": "b", "tags": {"team": "hunter2", "new": "y"}, "rule": [{"days": 2}], "acl": "z", "same": {"x": 1}},
                "before_sensitive": {"tags": {"team": true}}}},
              {"address": "aws_sqs_queue.jobs[\\"a\\"]", "mode": "managed", "type": "aws_sqs_queue", "name": "jobs",
               "change": {"actions": ["delete"], "before": {"name": "secret"}, "after": null}}],
             "resource_changes": [
              {"address": "aws_s3_bucket.data", "type": "aws_s3_bucket", "change": {"actions": ["no-op"], "before": {}, "after": {}}},
              {"address": "data.aws_region.here", "type": "aws_region", "change": {"actions": ["read"], "before": null, "after": {}}},
              {"address": "aws_sqs_queue.jobs[\\"a\\"]", "type": "aws_sqs_queue", "change": {"actions": ["create"], "before": null, "after": {}}},
              {"address": "terraform_data.x", "type": "terraform_data",
               "change": {"actions": ["delete", "create"], "before": {}, "after": {}, "replace_paths": [["triggers_replace", 0]]}}]}
            """;

    private static Findings of(String plan) {
        return ModuleFindings.of(JsonText.read(plan).orElseThrow());
    }

    @Test
    void drift_names_resources_and_attributes_and_no_values() {
        assertThat(of(PLAN).drift())
                .containsExactly(
                        new Change(
                                "aws_s3_bucket.data",
                                "aws_s3_bucket",
                                "update",
                                List.of("acl", "rule[0].days", "tags.new", "tags.team")),
                        new Change("aws_sqs_queue.jobs[\"a\"]", "aws_sqs_queue", "delete", List.of()));
        assertThat(of(PLAN).toString()).doesNotContain("hunter2", "secret");
    }

    @Test
    void changes_leave_out_what_stays_or_is_only_read() {
        assertThat(of(PLAN).changes())
                .containsExactly(
                        new Change("aws_sqs_queue.jobs[\"a\"]", "aws_sqs_queue", "create", List.of()),
                        new Change("terraform_data.x", "terraform_data", "replace", List.of("triggers_replace[0]")));
    }

    @Test
    void a_plan_without_drift_has_none() {
        assertThat(of("{\"format_version\": \"1.2\"}")).isEqualTo(Findings.NONE);
    }
}
