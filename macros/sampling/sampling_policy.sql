{#-
    The policy that decides about a trace or event: a struct with sampling_policy_version and
    sampling_threshold. The newest version that was valid then wins, in it the most specific row.

    policies: array of the rows of sampling_policies; the others are expressions of one row.
-#}
{% macro sampling_policy(policies, sample_class, service, endpoint, first_event_at) -%}
    array_max(transform(
        filter(
            {{ policies }},
            policy -> policy.sample_class = {{ sample_class }}
                and policy.valid_from <= {{ first_event_at }}
                and (policy.service = '*' or policy.service <=> {{ service }})
                and (policy.endpoint = '*' or policy.endpoint <=> {{ endpoint }})
        ),
        policy -> struct(
            policy.sampling_policy_version,
            policy.service <> '*' as names_service,
            policy.endpoint <> '*' as names_endpoint,
            policy.sampling_threshold
        )
    ))
{%- endmacro %}
